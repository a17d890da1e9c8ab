// The reason of an abort that is nobody's failure: a person's Ctrl-C, or a neighbour that failed first.

export class CanceledError extends Error {
  override readonly name = 'CanceledError';
}
