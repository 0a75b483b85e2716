import { type Bounds, contest } from './contest.ts';
import { type Machine, tsrun } from './machine.ts';
import { compared, type Row } from './results.ts';

const GROUP = 'the relay: bytes out of a container, against a pipe';

/** Both move the bytes twice: from `head` into a pipe, and out of it. */
export async function relay(machine: Machine, size: string, bounds: Bounds): Promise<Row[]> {
  const measured = await contest(
    machine,
    [
      { name: `head -c ${size} /dev/zero | cat`, argv: ['sh', '-c', `head -c ${size} /dev/zero | cat`] },
      {
        name: `tsrun run … head -c ${size} /dev/zero`,
        argv: [tsrun, 'run', '--rm', machine.rootfs, 'head', '-c', size, '/dev/zero'],
      },
    ],
    bounds,
  );
  const [pipe, ours] = measured.map((one): Row => ({ ...one, group: GROUP }));
  return pipe && ours ? [pipe, compared(ours, pipe)] : [];
}
