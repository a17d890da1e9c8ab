import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFlowGate, type FlowGate } from './flow-gate.ts';

const line = (bytes: number): Buffer => Buffer.from(`${'x'.repeat(bytes - 1)}\n`);

/** Whether the gate is open, without waiting for it to open. */
async function isOpen(gate: FlowGate): Promise<boolean> {
  const closed = Symbol('closed');
  return (await Promise.race([gate.open(), Promise.resolve(closed).then((value) => value)])) !== closed;
}

describe('the flow gate', () => {
  it('closes beyond its bytes and opens when enough was taken', async () => {
    const gate = createFlowGate(1000);
    for (let count = 0; count < 10; count += 1) gate.received(line(100));
    expect(await isOpen(gate)).toBe(true);
    gate.received(line(1));
    expect(await isOpen(gate)).toBe(false);
    const opened = gate.open();
    gate.taken();
    await opened;
  });

  it('never closes on a few lines, nor on one that is not complete, however large', async () => {
    const gate = createFlowGate(10);
    for (let count = 0; count < 8; count += 1) gate.received(line(1_000_000));
    expect(await isOpen(gate)).toBe(true);
    expect(gate.received(Buffer.alloc(5_000_000, 'x'))).toBe(5_000_000);
    expect(await isOpen(gate)).toBe(true);
    expect(gate.received(line(1))).toBe(0);
    expect(await isOpen(gate)).toBe(false);
  });

  it('stays open once nobody reads any more', async () => {
    const gate = createFlowGate(10);
    for (let count = 0; count < 100; count += 1) gate.received(line(10));
    const opened = gate.open();
    gate.release();
    await opened;
    gate.received(line(1000));
    expect(await isOpen(gate)).toBe(true);
  });

  it('is open again whenever as many lines were taken as came, however they were cut into chunks', async () => {
    const lines = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 3000 });
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 1, max: 1000 }), async (sizes, chunkBytes) => {
        const gate = createFlowGate(100);
        const bytes = Buffer.concat(sizes.map(line));
        for (let start = 0; start < bytes.length; start += chunkBytes)
          gate.received(bytes.subarray(start, start + chunkBytes));
        for (const _size of sizes) gate.taken();
        expect(await isOpen(gate)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
