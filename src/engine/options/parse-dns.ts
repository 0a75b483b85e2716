import { isIP } from 'node:net';
import { usageError } from './usage-error.ts';

/** --dns: an address. Docker reduces an IPv6 address to its shortest form; here it stays as it was written. */
export function parseDnsServer(text: string): string {
  const ip = text.trim();
  if (isIP(ip) === 0 || ip.includes('%')) throw usageError(`IP address is not correctly formatted: ${text}`);
  return ip;
}

/** --dns-search: a domain, or `.` for an empty list. */
export function parseDnsSearch(text: string): string {
  const domain = text.trim();
  if (domain === '.') return domain;
  const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
  if (domain.length > 254 || !/[a-zA-Z]/.test(domain) || !new RegExp(`^${label}(?:\\.${label})*\\.?$`).test(domain)) {
    throw usageError(`${text} is not a valid domain`);
  }
  return domain.replace(/\.$/, '');
}

/** --dns-option: a word of resolv.conf(5), such as `ndots:2`. One word: it goes into a line of that file. */
export function parseDnsOption(text: string): string {
  if (!/^[a-z0-9_-]+(:[a-zA-Z0-9_.-]+)?$/.test(text))
    throw usageError(`invalid DNS option: '${text}'`, 'such as ndots:2 or rotate');
  return text;
}
