import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CgroupLayout } from '../../src/cgroup/types.ts';
import { cgroupUsage } from '../../src/cgroup/usage.ts';

const test = suite('what a cgroup has used');
let directory: string;

test.before(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsrun-usage-'));
});
test.after(() => rmSync(directory, { recursive: true }));

/** The files as a kernel prints them, below a hierarchy of that name. */
function files(hierarchy: string, content: Record<string, string>): string {
  const mountPoint = join(directory, hierarchy);
  mkdirSync(join(mountPoint, 'c'), { recursive: true });
  for (const [name, text] of Object.entries(content)) writeFileSync(join(mountPoint, 'c', name), text);
  return mountPoint;
}

test('on v2 all is in one directory', () => {
  const mountPoint = files('unified', {
    'cpu.stat': 'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n',
    'memory.current': '10000\n',
    'memory.max': 'max\n',
    'memory.stat': 'anon 6000\ninactive_file 2500\nactive_file 1\n',
    'pids.current': '7\n',
    'io.stat': '8:0 rbytes=100 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n259:0 rbytes=11 wbytes=2 rios=1 wios=1\n',
  });
  const layout: CgroupLayout = { mode: 'v2', hierarchies: [{ mountPoint, version: 2, controllers: [] }] };
  assert.equal(cgroupUsage(layout, '/c'), {
    cpuNs: 1_500_000,
    memory: 7500,
    memoryLimit: Number.POSITIVE_INFINITY,
    processes: 7,
    bytesRead: 111,
    bytesWritten: 22,
  });
});

test('on v1 each controller has its own, and v2 beside it has no say', () => {
  const v1 = (controller: string, content: Record<string, string>) =>
    ({ mountPoint: files(controller, content), version: 1, controllers: [controller] }) as const;
  const layout: CgroupLayout = {
    mode: 'hybrid',
    hierarchies: [
      { mountPoint: files('beside', { 'cpu.stat': 'usage_usec 9\n' }), version: 2, controllers: [] },
      v1('cpuacct', { 'cpuacct.usage': '123456789\n' }),
      v1('memory', {
        'memory.usage_in_bytes': '5000\n',
        'memory.limit_in_bytes': '8000\n',
        'memory.stat': 'cache 1\ntotal_inactive_file 1000\n',
      }),
      v1('pids', { 'pids.current': '3\n' }),
      v1('blkio', {
        'blkio.throttle.io_service_bytes_recursive': '8:0 Read 40\n8:0 Write 2\n8:0 Total 42\n9:0 Read 1\nTotal 43\n',
      }),
    ],
  };
  assert.equal(cgroupUsage(layout, '/c'), {
    cpuNs: 123_456_789,
    memory: 4000,
    memoryLimit: 8000,
    processes: 3,
    bytesRead: 41,
    bytesWritten: 2,
  });
});

test('more cache than use, as may be read between two moments, is no use', () => {
  const mountPoint = files('odd', { 'memory.current': '10\n', 'memory.stat': 'inactive_file 20\n' });
  assert.is(cgroupUsage({ mode: 'v2', hierarchies: [{ mountPoint, version: 2, controllers: [] }] }, '/c').memory, 0);
});

test.run();
