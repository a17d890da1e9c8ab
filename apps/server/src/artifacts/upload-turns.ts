// One writer per artifact: who has the turn, and that a writer whose client fell silent gives it to the next one. Knows
// no file.
import { TakoError } from '@tako/config';

export interface UploadTurn {
  /** Bytes came. */
  heard(): void;
  /** Resolves when somebody else wants the turn and this one has heard nothing for too long. */
  readonly wanted: Promise<void>;
  end(): void;
}

interface OpenTurn extends UploadTurn {
  readonly heardAtMs: number;
  readonly ended: Promise<void>;
  want(): void;
}

export interface UploadTurnsDeps {
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly silentAfterMs: number;
}

function busy(sha256: string): TakoError {
  return new TakoError('ARTIFACT_BUSY', `Another upload of artifact ${sha256} is under way.`, {
    hint: 'Wait for it; then only what is still missing is sent.',
    details: { sha256 },
  });
}

export class UploadTurns {
  readonly #deps: UploadTurnsDeps;
  readonly #turns = new Map<string, OpenTurn>();

  constructor(deps: UploadTurnsDeps) {
    this.#deps = deps;
  }

  isTaken(sha256: string): boolean {
    return this.#turns.has(sha256);
  }

  /** Rejects with ARTIFACT_BUSY while another client is sending. */
  async take(sha256: string): Promise<UploadTurn> {
    const other = this.#turns.get(sha256);
    if (other !== undefined) {
      if (this.#deps.nowMs() - other.heardAtMs < this.#deps.silentAfterMs) throw busy(sha256);
      other.want();
      await other.ended;
      // Of two that waited one was first.
      if (this.#turns.has(sha256)) throw busy(sha256);
    }
    return this.#open(sha256);
  }

  #open(sha256: string): OpenTurn {
    const { nowMs } = this.#deps;
    const [wanted, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let heardAtMs = nowMs();
    const turn: OpenTurn = {
      get heardAtMs() {
        return heardAtMs;
      },
      heard: () => {
        heardAtMs = nowMs();
      },
      wanted: wanted.promise,
      want: () => wanted.resolve(),
      ended: ended.promise,
      end: () => {
        this.#turns.delete(sha256);
        ended.resolve();
      },
    };
    this.#turns.set(sha256, turn);
    return turn;
  }
}

/** The chunks, each of which is heard, until the body ends or the turn is wanted by somebody else. */
export async function* chunksInTurn(
  body: AsyncIterable<Uint8Array>,
  turn: UploadTurn,
): AsyncGenerator<Uint8Array, void, void> {
  const chunks = body[Symbol.asyncIterator]();
  let isWanted = false;
  let stopReading = (): void => undefined;
  void turn.wanted.then(() => {
    isWanted = true;
    stopReading();
  });
  // Not Promise.race: each race would hang on `wanted` until the last chunk has come.
  const read = (): Promise<IteratorResult<Uint8Array> | null> =>
    new Promise((resolve, reject) => {
      stopReading = () => resolve(null);
      if (isWanted) stopReading();
      else chunks.next().then(resolve, reject);
    });
  try {
    while (true) {
      const next = await read();
      if (next === null || next.done === true) return;
      turn.heard();
      yield next.value;
    }
  } finally {
    // Not waited for: behind a read that may never end.
    void Promise.resolve(chunks.return?.()).catch(() => undefined);
  }
}
