import { hurryWithContainers } from './hurry.ts';
import { RM_FLAGS, rm } from './rm.ts';

export const understood = hurryWithContainers(process.argv.slice(3), RM_FLAGS, rm);
