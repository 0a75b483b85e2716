import type { DeviceRule, Mount } from '../spec/oci.ts';

/** Docker's for Linux, where neither image nor user sets it. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A new container's mounts in Docker's order, which is that of /proc/mounts inside. */
export function defaultMounts(): Mount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid', 'noexec', 'nodev'] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
    },
  ];
}

/**
 * Docker 28.5's list. /proc/interrupts (GHSA-6fw5-f8r9-fgfm) and powercap (GHSA-jq35-85cj-fj4p, CVE-2020-8694: RAPL side
 * channel) tell of other tenants' work; the rest tells of the machine. Paths that a kernel does not have are skipped.
 */
export const MASKED_PATHS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** Docker's for a container with a network namespace of its own: ping and low ports without capabilities. */
export const NETWORK_SYSCTLS: Readonly<Record<string, string>> = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};

/** For --privileged. */
export const ALL_DEVICES: readonly DeviceRule[] = [{ allow: true, access: 'rwm' }];

/**
 * The device cgroup of everyone else: deny all, then what dockerd and runc allow together, so that the list is complete
 * for a runtime that adds nothing. mknod(2) of any node is fine, opening it is not. tun (10:200) is out, as in runc 1.2.
 */
export function defaultDeviceRules(): DeviceRule[] {
  const allow = (major: number, minor?: number): DeviceRule => ({
    allow: true,
    type: 'c',
    major,
    ...(minor === undefined ? {} : { minor }),
    access: 'rwm',
  });
  return [
    { allow: false, access: 'rwm' },
    { allow: true, type: 'c', access: 'm' },
    { allow: true, type: 'b', access: 'm' },
    allow(1, 3), // null
    allow(1, 5), // zero
    allow(1, 7), // full
    allow(1, 8), // random
    allow(1, 9), // urandom
    allow(5, 0), // tty
    allow(5, 1), // console
    allow(5, 2), // ptmx
    allow(136), // pts
  ];
}
