import { hintFor } from '../errors/hints.ts';
import { errnoText, SyscallError } from '../errors/syscall-error.ts';
import { briefList, briefWord } from './printers.ts';
import { renderBriefly } from './render.ts';
import type { Step } from './step.ts';

/** The error of a step that failed: goal, call with arguments, errno, hint. `detail` says which candidate or component (native/abi.h). */
export function blame(goal: string, step: Step | undefined, errno: number, detail: number): SyscallError {
  if (step === undefined)
    return new SyscallError(goal, { errno, syscall: 'tsrun_play', call: 'a step that the plan does not have' });
  if (step.name === 'exec') return blameExec(goal, step as Step<'exec'>, errno, detail);
  const { code } = errnoText(errno);
  const call = renderBriefly(step);
  const args = step.args as unknown as Record<string, unknown>;
  const path = [args.pathname, args.path, args.target].find((value) => typeof value === 'string') as string | undefined;
  return new SyscallError(goal, {
    errno,
    syscall: step.name === 'clone' ? 'clone3' : step.name,
    call,
    step: step.why,
    hint: hintFor(step.name, code, call) ?? `this step is there to: ${step.why}`,
    ...(path === undefined ? {} : { path }),
  });
}

/** 127 for a command that is not there, 126 for one that cannot be executed: what shells and Docker say. */
function blameExec(goal: string, step: Step<'exec'>, errno: number, detail: number): SyscallError {
  const { candidates, argv } = step.args;
  const command = argv[0] ?? '';
  const { code } = errnoText(errno);
  const missing = code === 'ENOENT' || code === 'ENOTDIR';
  const searched = candidates.length > 1 && missing;
  const path = searched ? command : (candidates[detail] ?? command);
  const call = searched
    ? `execve(${briefWord(command)}), searched in $PATH inside the container`
    : `execve(${briefWord(path)}, ${briefList(argv)})`;
  return new SyscallError(goal, {
    errno,
    syscall: 'execve',
    call,
    path,
    step: step.why,
    hint: hintFor('exec', code, call),
    exitCode: missing ? 127 : 126,
  });
}
