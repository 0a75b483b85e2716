import { AF, IOCTL, SOCK } from '../kernel/constants.ts';
import { type Struct, slot } from '../plan/arguments.ts';
import { type Step, step } from '../plan/step.ts';

const IFF_UP_RUNNING = 0x41;

/** struct ifreq: the interface's name in 16 bytes, then its flags. */
function interfaceFlags(name: string, flags: number): Struct {
  const bytes = Buffer.alloc(40);
  bytes.write(name);
  bytes.writeUInt16LE(flags, 16);
  return { bytes, shown: `{ifr_name="${name}", ifr_flags=IFF_UP|IFF_RUNNING}` };
}

/** A new network namespace has a loopback interface that is down: `--network none` is exactly that, up. */
export function loopbackSteps(): Step[] {
  return [
    step(
      'socket',
      { domain: AF.AF_INET, type: SOCK.SOCK_DGRAM | SOCK.SOCK_CLOEXEC, protocol: 0 },
      'a socket to configure the new network namespace with',
      { save: 'netctl' },
    ),
    step(
      'ioctl',
      { fd: slot('netctl'), request: IOCTL.SIOCSIFFLAGS, arg: interfaceFlags('lo', IFF_UP_RUNNING) },
      'bring up 127.0.0.1',
    ),
    step('close', { fd: slot('netctl') }, 'done with it'),
  ];
}
