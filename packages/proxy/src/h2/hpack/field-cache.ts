// Encoded fields by name and value, in two generations: when the younger is full the older goes, and what was asked for
// in between lives on. Knows no HPACK.

const generationEntriesMax = 512;
const textBytesMax = 128;

type Generation = Map<string, Map<string, Buffer>>;

export class FieldCache {
  #young: Generation = new Map();
  #old: Generation = new Map();
  #youngEntries = 0;

  find(name: string, value: string): Buffer | undefined {
    const young = this.#young.get(name)?.get(value);
    if (young !== undefined) return young;
    const old = this.#old.get(name)?.get(value);
    if (old !== undefined) this.#put(name, value, old);
    return old;
  }

  /** Long names and values are not kept: they seldom come twice. */
  static isKept(name: string, value: string): boolean {
    return name.length <= textBytesMax && value.length <= textBytesMax;
  }

  /** The field is not in the cache. */
  keep(name: string, value: string, octets: Buffer): void {
    this.#put(name, value, octets);
  }

  #put(name: string, value: string, octets: Buffer): void {
    if (this.#youngEntries >= generationEntriesMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngEntries = 0;
    }
    const values = this.#young.get(name);
    if (values === undefined) this.#young.set(name, new Map([[value, octets]]));
    else values.set(value, octets);
    this.#youngEntries += 1;
  }
}
