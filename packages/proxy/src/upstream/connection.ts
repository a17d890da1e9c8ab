// One connection to an instance: a raw socket read into a static buffer, at most one request on it at a time.
// Knows what happened to it, not whether that may be tried again.
import net from 'node:net';
import type { ResponseHead } from '../h1/response-head.ts';
import type { Deadline } from '../timing/deadline-wheel.ts';
import type { ConnectionOwner, ConnectionServices, ConnectionUser } from './connection.types.ts';
import { ResponseReader, type ResponseReceiver } from './response-reader.ts';
import type { RawHeaders, UpstreamFailureKind, UpstreamTarget } from './upstream.types.ts';
import type { WireRequest } from './wire.types.ts';

type ConnectionState = 'connecting' | 'idle' | 'busy' | 'closed';

const malformedResponse = (reason: string): Error => new Error(`the app's response is malformed: ${reason}`);

export class UpstreamConnection implements ResponseReceiver {
  /** Requests begun on it. */
  uses = 0;
  idleSince = 0;
  /** As announced by the app's `Keep-Alive: timeout=`, in seconds; -1 = not. */
  keepAliveSeconds = -1;
  readonly #services: ConnectionServices;
  readonly #owner: ConnectionOwner;
  readonly #socket: net.Socket;
  readonly #reader: ResponseReader;
  readonly #deadline: Deadline;
  #state: ConnectionState = 'connecting';
  #user: ConnectionUser | null = null;
  #request: WireRequest | null = null;
  #buffer: Buffer;
  #isBufferNew = true;
  #requestEnded = false;
  #headSeen = false;
  #reusable = false;
  #paused = false;
  #blocked = false;
  #idleTimeoutMs = 0;

  constructor(target: UpstreamTarget, services: ConnectionServices, owner: ConnectionOwner) {
    this.#services = services;
    this.#owner = owner;
    this.#buffer = Buffer.allocUnsafeSlow(services.limits.readBufferBytes);
    this.#reader = new ResponseReader(this, services.responseHead, services.limits);
    this.#deadline = services.wheel.create(() => this.#expired());
    this.#socket = net.connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      onread: this.#createReads(),
    });
    this.#socket.on('connect', () => this.#connected());
    this.#socket.on('drain', () => this.#drained());
    this.#socket.on('end', () => this.#inputEnded());
    this.#socket.on('error', (error) => this.#lost(error));
    this.#socket.on('close', () => this.#lost(undefined));
  }

  get reused(): boolean {
    return this.uses > 1;
  }

  /** Something of the response to the present request has come. */
  get responseBegun(): boolean {
    return this.#reader.anyByte;
  }

  get headSeen(): boolean {
    return this.#headSeen;
  }

  /** Begins a request; on a new connection its head goes out once connected. */
  start(user: ConnectionUser, request: WireRequest): void {
    this.#user = user;
    this.#request = request;
    this.uses += 1;
    this.#requestEnded = !request.hasBody;
    this.#headSeen = false;
    this.#reusable = false;
    this.#idleTimeoutMs = request.bodyIdleTimeoutMs;
    this.#reader.begin(request.toHead);
    if (this.#state === 'connecting') {
      this.#arm(request.connectTimeoutMs);
      return;
    }
    this.#state = 'busy';
    this.#writeHead(request);
    if (request.hasBody) process.nextTick(() => this.#user === user && user.connectionReady());
  }

  write(bytes: Buffer): boolean {
    if (this.#requestEnded || this.#state !== 'busy') return true;
    const flowing = this.#socket.write(bytes);
    this.#blocked = !flowing;
    // Until the head comes only the app's reading is timed here; whether the client sends is the lane's to watch.
    if (!this.#headSeen) this.#arm(flowing ? 0 : this.#idleTimeoutMs);
    else if (!this.#paused) this.#arm(this.#idleTimeoutMs);
    return flowing;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** The request is complete: from here on the app owes a response. */
  endRequest(): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    if (!this.#headSeen && this.#request !== null) this.#arm(this.#request.headTimeoutMs);
  }

  pause(): void {
    if (this.#paused || this.#state === 'closed') return;
    this.#paused = true;
    this.#socket.pause();
    if (this.#headSeen) this.#deadline.clear();
  }

  resume(): void {
    if (!this.#paused || this.#state === 'closed') return;
    this.#paused = false;
    this.#socket.resume();
    if (this.#headSeen) this.#arm(this.#idleTimeoutMs);
  }

  setIdleTimeout(milliseconds: number): void {
    this.#idleTimeoutMs = milliseconds;
    if (this.#headSeen && !this.#paused) this.#arm(milliseconds);
  }

  keepBuffer(): void {
    this.#buffer = Buffer.allocUnsafeSlow(this.#services.limits.readBufferBytes);
    this.#isBufferNew = true;
  }

  /** Idle from now on, to be closed after so long. */
  rest(idleMs: number): void {
    this.idleSince = this.#services.clock.now();
    this.#deadline.set(this.idleSince + idleMs);
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#detach();
    this.#close(-1);
  }

  interimReceived(head: ResponseHead, buffer: Buffer): void {
    this.#user?.connectionInterim(head, buffer);
  }

  headReceived(head: ResponseHead, buffer: Buffer): void {
    this.#headSeen = true;
    this.#reusable = head.keepAlive;
    this.keepAliveSeconds = head.keepAliveSeconds;
    this.#user?.connectionHead(head, buffer);
  }

  bodyReceived(buffer: Buffer, start: number, end: number): void {
    this.#user?.connectionBody(buffer, start, end);
  }

  responseEnded(trailers: RawHeaders, unexpectedBytes: boolean): void {
    const user = this.#detach();
    if (this.#reusable && this.#requestEnded && !unexpectedBytes && !this.#paused) {
      this.#state = 'idle';
      this.#owner.connectionIdle(this);
    } else {
      this.#close(-1);
    }
    user?.connectionEnded(trailers);
  }

  responseMalformed(reason: string): void {
    this.#fail('malformed', malformedResponse(reason));
  }

  #createReads(): net.OnReadOpts {
    const reads = { buffer: this.#buffer, callback: (bytes: number) => this.#read(bytes) };
    // Asked after each read, and before the first one of each attempt to connect. Nothing means "the same as before",
    // which saves Node looking it up; its types do not know that.
    const next = (): Buffer | undefined => {
      if (!this.#isBufferNew && this.#state !== 'connecting') return undefined;
      this.#isBufferNew = false;
      return this.#buffer;
    };
    Reflect.set(reads, 'buffer', next);
    return reads;
  }

  #read(bytes: number): boolean {
    if (this.#state === 'idle') {
      // Bytes nobody asked for: whatever they mean, they must not be taken for the next answer.
      this.#close(0);
      return false;
    }
    this.#reader.push(this.#buffer, 0, bytes);
    const user = this.#user;
    if (user !== null && this.#state === 'busy') {
      user.connectionReadDone();
      if (this.#headSeen && this.#user === user && !this.#paused) this.#arm(this.#idleTimeoutMs);
    }
    return !this.#paused;
  }

  #connected(): void {
    const request = this.#request;
    if (this.#state !== 'connecting' || request === null) return;
    this.#state = 'busy';
    this.#writeHead(request);
    if (request.hasBody) this.#user?.connectionReady();
  }

  #writeHead(request: WireRequest): void {
    this.#arm(request.hasBody ? 0 : request.headTimeoutMs);
    if (typeof request.head === 'string') this.#socket.write(request.head, 'latin1');
    else this.#socket.write(request.head);
  }

  #drained(): void {
    this.#blocked = false;
    if (this.#state !== 'busy') return;
    if (!this.#headSeen && !this.#requestEnded) this.#deadline.clear();
    this.#user?.connectionDrained();
  }

  #inputEnded(): void {
    if (this.#state === 'busy' && this.#headSeen && this.#reader.endOfInput()) return;
    this.#lost(undefined);
  }

  #lost(error: Error | undefined): void {
    if (this.#state === 'idle') {
      this.#close(this.#services.clock.now() - this.idleSince);
      return;
    }
    this.#fail(this.#state === 'connecting' ? 'refused' : 'reset', error);
  }

  #expired(): void {
    if (this.#state === 'idle') this.#close(-1);
    else if (this.#state === 'connecting') this.#fail('connectTimeout', undefined);
    else this.#fail(this.#headSeen || this.#blocked ? 'idleTimeout' : 'headTimeout', undefined);
  }

  #fail(kind: UpstreamFailureKind, cause: Error | undefined): void {
    if (this.#state === 'closed') return;
    const user = this.#detach();
    this.#close(-1);
    user?.connectionFailed(kind, cause);
  }

  #detach(): ConnectionUser | null {
    const user = this.#user;
    this.#user = null;
    this.#request = null;
    this.#reader.stop();
    return user;
  }

  #close(idleMs: number): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#deadline.end();
    this.#socket.destroy();
    this.#owner.connectionClosed(this, idleMs);
  }

  /** 0 = no deadline. */
  #arm(milliseconds: number): void {
    if (milliseconds === 0) this.#deadline.clear();
    else this.#deadline.set(this.#services.clock.now() + milliseconds);
  }
}
