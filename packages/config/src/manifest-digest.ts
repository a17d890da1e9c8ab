// Tells whether two manifests ask for the same thing. Pure.
import { createHash } from 'node:crypto';
import type { Manifest } from './manifest.ts';

/**
 * SHA-256 (64 hex digits) over the manifest as JSON with sorted keys, without `version` and `built_at`: those differ
 * between two builds of the same thing. The same version with another digest is another release (spec 30, step 4).
 */
export function manifestDigest(manifest: Manifest): string {
  const { version: _version, built_at: _builtAt, ...asked } = manifest;
  return createHash('sha256').update(canonicalJson(asked)).digest('hex');
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join(',')}}`;
}
