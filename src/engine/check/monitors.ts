import { bootId } from '../../kernel/procfs.ts';
import { killProcess } from '../kill.ts';
import type { Finding } from './finding.ts';
import { bornAt, holderOf, MONITOR, type Process } from './processes.ts';
import { isThere, realPath, type Scene } from './scene.ts';
import { insist } from './while-free.ts';

/** Monitors of containers of this data root that are gone. Which one a monitor has, its lock says. */
export function lookAtMonitors(scene: Scene): Finding[] {
  const { engine, processes } = scene;
  const containers = `${realPath(engine.paths.containers)}/`;
  return processes.files.flatMap(({ pid, path }): Finding[] => {
    const process = processes.all.get(pid);
    const id = /^([0-9a-f]{64})\/run\.lock/.exec(path.startsWith(containers) ? path.slice(containers.length) : '')?.[1];
    if (process?.name !== MONITOR || id === undefined || isThere(engine.paths.container(id))) return [];
    return [withoutContainer(scene, process, id)];
  });
}

function withoutContainer({ engine, processes }: Scene, process: Process, id: string): Finding {
  const children = [...processes.all.values()].filter(({ parent }) => parent === process.pid);
  const about = {
    kind: 'monitor',
    where: `/proc/${process.pid}`,
    container: id,
    what: `the ${MONITOR} of container ${id.slice(0, 12)}, whose directory is gone`,
    since: bornAt(process),
    heldBy: [holderOf(process), ...children.map(holderOf)],
  } as const;
  if (children.length > 0)
    return {
      ...about,
      advice: `its container runs still: kill ${children[0]!.pid} ends both, --fix does not touch what runs`,
    };
  const repair = () => {
    insist(!isThere(engine.paths.container(id)), 'it has a container');
    killProcess(process.pid, process.startTime, bootId(), 'its container is gone');
  };
  return { ...about, fix: 'kills it', repair };
}
