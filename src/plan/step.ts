import type { StepArguments, StepName } from './step-types.ts';

/** Errnos that a step expects, and how many of the following steps each skips. */
export type Expected = Readonly<Record<string, number>>;

/** In the place of an errno's name, and behind any other: whatever the errno. */
export const ANY = 'any';

export interface StepOptions {
  /** Slot that keeps the result. A descriptor that an earlier step of the same run has left there is closed. */
  save?: string;
  /** Errnos that are no failure here: name → how many of the following steps to skip. At most two. */
  expect?: Expected;
  /** On success skip that many of the following steps. */
  thenSkip?: number;
  /** Any error is ignored: only for undoing. */
  ignoreErrors?: boolean;
}

/** One system call, or one pseudo-step, as data. */
export interface Step<N extends StepName = StepName> extends StepOptions {
  readonly name: N;
  readonly args: StepArguments<N>;
  /** Why it is there, for the reader of `run --plan`. */
  readonly why: string;
}

/**
 * `step('mount', {…}, 'why')`, the arguments checked by the name. All steps have the same fields in the same order, so that V8 meets
 * one shape in all that reads them: a start has no time to learn a dozen.
 */
export function step<N extends StepName>(name: N, args: StepArguments<N>, why: string, options?: StepOptions): Step {
  const made =
    options === undefined
      ? { name, args, why, save: undefined, expect: undefined, thenSkip: undefined, ignoreErrors: undefined }
      : {
          name,
          args,
          why,
          save: options.save,
          expect: options.expect,
          thenSkip: options.thenSkip,
          ignoreErrors: options.ignoreErrors,
        };
  return made as unknown as Step;
}

/** All steps, nested ones included, numbered as the player numbers them: parents first, then what their clones play. */
export function flatten(steps: readonly Step[]): Step[] {
  return steps.flatMap((one) => (one.name === 'clone' ? [one, ...flatten((one as Step<'clone'>).args.child)] : [one]));
}
