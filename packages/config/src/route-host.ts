// The host half of a route: an exact name or a leading `*.` wildcard, in the form that a browser sends (lower case,
// A-labels). Pure; knows no DNS.
import { isIPv4 } from 'node:net';
import { domainToASCII } from 'node:url';
import { limits } from './limits.ts';

export type RouteHost =
  | { readonly kind: 'exact'; readonly name: string }
  /** Matches any depth below `name`, never `name` itself. */
  | { readonly kind: 'wildcard'; readonly name: string };

export type Reading<T> =
  { readonly kind: 'ok'; readonly value: T } | { readonly kind: 'wrong'; readonly reason: string };

const wrong = (reason: string): { readonly kind: 'wrong'; readonly reason: string } => ({
  kind: 'wrong',
  reason,
});

/** Reads a host name in any case, IDN included; tells in words what is wrong with it. */
export function readRouteHost(text: string): Reading<RouteHost> {
  if (text === '') return wrong('the host name is missing');
  if (text.startsWith('[')) return wrong('an IPv6 address cannot be a route; use a host name');
  if (text.includes(':')) return wrong('a route has no port');
  if (text.includes('@')) return wrong('a route has no user name');
  if (text.endsWith('.')) return wrong('the host name ends with a dot');
  const wildcard = text.startsWith('*.');
  const name = readHostname(wildcard ? text.slice(2) : text);
  if (name.kind === 'wrong') return name;
  if (wildcard && isIPv4(name.value)) return wrong('a wildcard needs a host name, not an address');
  return { kind: 'ok', value: Object.freeze({ kind: wildcard ? 'wildcard' : 'exact', name: name.value }) };
}

/** A host name with a dot, lower-cased and in A-labels (RFC 5890), labels of letters, digits and hyphens (RFC 1123 §2.1). */
function readHostname(text: string): Reading<string> {
  if (text.includes('*')) return wrong('"*" stands only as the whole first label, as in "*.example.com"');
  if (!text.includes('.')) return wrong('the host name needs a dot, as in "example.com"');
  // ASCII first: the URL host parser behind domainToASCII would decode %61 and cut at "/" or "?".
  const odd = /[^a-z0-9.-]/i.exec(text.replaceAll(/[^\0-\u007f]/g, ''));
  if (odd !== null) return wrong(`a host name cannot hold ${JSON.stringify(odd[0])}`);
  if (text.split('.').includes('')) return wrong('the host name has an empty label');
  const name = domainToASCII(text);
  if (name === '') return wrong('the host name is not a valid domain name');
  if (isIPv4(name))
    return isIPv4(text) ? { kind: 'ok', value: name } : wrong('the address is not in the form 203.0.113.5');
  if (name.length > limits.hostnameCharsMax)
    return wrong(`the host name is longer than ${limits.hostnameCharsMax} characters`);
  const label = name.split('.').find((part) => !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(part));
  if (label !== undefined)
    return wrong(`${JSON.stringify(label)} is not a label of 1-63 letters, digits and inner hyphens`);
  return { kind: 'ok', value: name };
}
