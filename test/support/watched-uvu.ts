import { type Callback, suite as plainSuite, type Test } from 'uvu';

export type { Callback, Test } from 'uvu';

/** What uvu keeps to itself and a report needs: the test that is running, and what a hook threw. */
export interface Watch {
  started(name: string): void;
  hookErrors: string[];
}

declare global {
  var tsrunWatch: Watch | undefined;
}

/**
 * uvu's `suite` under `test/run.ts`, which compiles `import … from 'uvu'` to this file: uvu swallows what a hook throws,
 * and a process that hangs cannot say where.
 */
export function suite<T = Record<string, unknown>>(title?: string, context?: T): Test<T> {
  const test = plainSuite<T>(title, context);
  const told = (name: string, handler: Callback<T>): [string, Callback<T>] => {
    const run: Callback<T> = (state) => {
      globalThis.tsrunWatch?.started(title === undefined ? name : `${title}: ${name}`);
      return handler(state);
    };
    return [name, run];
  };
  const hook = (add: (handler: Callback<T>) => void) => (handler: Callback<T>) => add(guarded(handler));
  return Object.assign((name: string, handler: Callback<T>) => test(...told(name, handler)), {
    only: (name: string, handler: Callback<T>) => test.only(...told(name, handler)),
    skip: test.skip,
    before: Object.assign(hook(test.before), { each: hook(test.before.each) }),
    after: Object.assign(hook(test.after), { each: hook(test.after.each) }),
    run: test.run,
  });
}

export const test = suite();

function guarded<T>(handler: Callback<T>): Callback<T> {
  return async (state) => {
    try {
      await handler(state);
    } catch (error) {
      globalThis.tsrunWatch?.hookErrors.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
      throw error;
    }
  };
}
