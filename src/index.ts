/** The library: what a Node program embeds. */
export { type Change, diffContainer } from './engine/diff.ts';
export { watchChanges } from './engine/diff-watch.ts';
export { type Engine, type EngineOptions, openEngine } from './engine/engine.ts';
export { execInContainer } from './engine/exec.ts';
export { findContainer } from './engine/find.ts';
export { type InspectedContainer, inspectContainer } from './engine/inspect.ts';
export { type ContainerList, type DamagedContainer, type ListedContainer, listContainers } from './engine/list.ts';
export { LiveContainer, type RunRequest, run } from './engine/live-container.ts';
export { removeContainer } from './engine/remove.ts';
export type { RunOptions } from './engine/run-options.ts';
export { type Attachment, planRun, runContainer, type Started, startContainer } from './engine/start.ts';
export { containerStatus, type Status } from './engine/status.ts';
export { SyscallError } from './errors/syscall-error.ts';
export { TsrunError } from './errors/tsrun-error.ts';
export { planToJson, renderPlan } from './plan/render.ts';
export { type Step, step } from './plan/step.ts';
export type { Connected } from './runtime/launch.ts';
export { waitForExit } from './runtime/wait.ts';
