import { slot } from './arguments.ts';
import { type Step, step } from './step.ts';

/** For who plays steps and then lives on: closes the descriptors that these left in slots, as far as they were opened. */
export function closeOpened(steps: readonly Step[]): Step[] {
  const names = new Set(steps.flatMap(({ save }) => (save === undefined ? [] : [save])));
  return [...names].map((name) =>
    step('close_opened', { fd: slot(name) }, 'who has played this lives on', { ignoreErrors: true }),
  );
}
