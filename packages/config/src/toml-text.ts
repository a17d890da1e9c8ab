// Writes single TOML values and keys. Pure.

export type TomlValue = string | number | boolean | readonly string[];

export function formatTomlValue(value: TomlValue): string {
  if (typeof value === 'string') return formatTomlString(value);
  if (typeof value === 'object') return `[${value.map(formatTomlString).join(', ')}]`;
  return String(value);
}

export function formatTomlKey(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : formatTomlString(name);
}

/** A basic string: JSON's escapes are TOML's, but TOML wants DEL escaped too (TOML 1.0, "String"). */
function formatTomlString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll('\u007f', String.raw`\u007f`);
}
