import type { Plugin } from 'esbuild';

export function sourceDirectories(place: (directory: string) => string): Plugin;
