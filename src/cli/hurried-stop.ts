import { hurryWithContainers } from './hurry.ts';
import { STOP_FLAGS, stop } from './stop.ts';

export const understood = hurryWithContainers(process.argv.slice(3), STOP_FLAGS, stop);
