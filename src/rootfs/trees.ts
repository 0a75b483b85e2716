import { AT, MOVE_MOUNT, OPEN_TREE } from '../kernel/constants.ts';
import { type SlotRef, slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';

/**
 * Bind mounts in two calls (open_tree and move_mount, Linux 5.2): the slot `tree` is the new mount itself, before and after it is
 * attached. So its flags need no path, which could lead to another mount by then.
 */
export function cloneTree(
  source: { dirfd: number | SlotRef; pathname: string },
  recursive: boolean,
  why: string,
  save = 'tree',
): Step {
  const empty = source.pathname === '' ? AT.AT_EMPTY_PATH : 0;
  const flags = OPEN_TREE.OPEN_TREE_CLONE | OPEN_TREE.OPEN_TREE_CLOEXEC | empty | (recursive ? AT.AT_RECURSIVE : 0);
  return step('open_tree', { ...source, flags }, why, { save });
}

/** Onto what the slot `target` stands for. */
export function attachTree(target: string, why: string, tree = 'tree'): Step {
  return step(
    'move_mount',
    {
      from_dirfd: slot(tree),
      from_pathname: '',
      to_dirfd: slot(target),
      to_pathname: '',
      flags: MOVE_MOUNT.MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT.MOVE_MOUNT_T_EMPTY_PATH,
    },
    why,
  );
}
