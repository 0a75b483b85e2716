import { isIP } from 'node:net';
import type { ExtraHost } from '../run-options.ts';
import { usageError } from './usage-error.ts';

/**
 * --add-host: `host:ip` or `host=ip`; an IPv6 address may stand in brackets. The address is kept as it was written.
 * Stricter than Docker about the name: it goes into /etc/hosts, where a blank, a `#` or a line break would start something else.
 */
export function parseAddHost(text: string): ExtraHost {
  const at = text.includes('=') ? text.indexOf('=') : text.indexOf(':');
  const host = text.slice(0, Math.max(at, 0));
  if (!/^[a-zA-Z0-9_.-]+$/.test(host))
    throw usageError(`bad format for add-host: "${text}"`, 'write name:address, such as db:10.0.0.2');
  const given = text.slice(at + 1);
  if (given === 'host-gateway') {
    throw usageError(
      'host-gateway is not supported in add-host',
      'there is no bridge network yet; give the address itself',
    );
  }
  const ip = given.length > 2 && given.startsWith('[') && given.endsWith(']') ? given.slice(1, -1) : given;
  // node takes fe80::1%eth0; an interface means nothing in another network namespace.
  if (isIP(ip) === 0 || ip.includes('%')) throw usageError(`invalid IP address in add-host: "${ip}"`);
  return { host, ip };
}
