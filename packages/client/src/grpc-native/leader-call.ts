/**
 * One call of a stub, through as many calls of grpc-js as it takes. Decides which refusals may be
 * followed: those NOT_LEADER that came before anything of an answer, of calls whose messages are all
 * kept; everything else is the stub's.
 *
 *   new ──start──► running ◄──sendAgain── waiting
 *                  │  │ │                  ▲   │ giveUp, cancel
 *        an answer │  │ └─ NOT_LEADER ─────┘   ▼
 *                  ▼  └──── any other status ► ended
 *               accepted ───── any status ──────▲
 */
import { Metadata, status } from '@grpc/grpc-js';
import type {
  InterceptingListener,
  InterceptorOptions,
  NextCall,
  StatusObject,
} from '@grpc/grpc-js';
import { readNotLeader } from '@herald/wire';
import type { NotLeader } from '@herald/wire';
import { Outbox } from './outbox.ts';
import type { LowerCall, MessageContext } from './outbox.ts';
import type { GiveUpReason, Pursuit } from './pursuit.ts';

type State = 'new' | 'running' | 'accepted' | 'waiting' | 'ended';

export class LeaderCall implements LowerCall {
  readonly #options: InterceptorOptions;
  readonly #nextCall: NextCall;
  readonly #pursuit: Pursuit;
  readonly #outbox = new Outbox();
  #state: State = 'new';
  /** The present call, or the last one while there is none. */
  #call: LowerCall;
  #metadata = new Metadata();
  #listener: Partial<InterceptingListener> = {};
  /** A reader waits for a message. */
  #isReadDue = false;
  /** grpc-js announces the lack of a unary answer by a message that is null. */
  #lacksAnswer = false;
  #isCancelled = false;
  /** The last refusal that was followed. */
  #refused: StatusObject | undefined;

  constructor(options: InterceptorOptions, nextCall: NextCall, pursuit: Pursuit) {
    this.#options = options;
    this.#nextCall = nextCall;
    this.#pursuit = pursuit;
    this.#call = nextCall(options);
  }

  start(metadata: Metadata, listener: Partial<InterceptingListener> = {}): void {
    this.#metadata = metadata;
    this.#listener = listener;
    this.#run();
  }

  sendMessageWithContext(context: MessageContext, message: unknown): void {
    this.#outbox.push(context, message);
  }

  sendMessage(message: unknown): void {
    this.sendMessageWithContext({}, message);
  }

  halfClose(): void {
    this.#outbox.close();
  }

  startRead(): void {
    this.#isReadDue = true;
    if (this.#isUnderWay()) this.#call.startRead();
  }

  cancelWithStatus(code: status, details: string): void {
    this.#isCancelled = true;
    if (this.#state === 'waiting') {
      this.#pursuit.cancel();
      this.#end({ code, details, metadata: new Metadata() });
    } else {
      this.#call.cancelWithStatus(code, details);
    }
  }

  getPeer(): string {
    return this.#call.getPeer();
  }

  getAuthContext(): ReturnType<LowerCall['getAuthContext']> {
    return this.#call.getAuthContext();
  }

  #run(): void {
    const call = this.#call;
    this.#state = 'running';
    this.#lacksAnswer = false;
    call.start(this.#pursuit.send(this.#metadata.clone()), this.#listenerOf(call));
    if (this.#isReadDue) call.startRead();
    this.#outbox.attach(call);
  }

  /** What a call that was left has still to say is of no interest. */
  #listenerOf(call: LowerCall): InterceptingListener {
    const isPresent = (): boolean => this.#call === call && this.#isUnderWay();
    return {
      onReceiveMetadata: (metadata) => {
        if (!isPresent()) return;
        this.#accept();
        this.#listener.onReceiveMetadata?.(metadata);
      },
      onReceiveMessage: (message: unknown) => {
        if (!isPresent()) return;
        if (message === null) {
          this.#lacksAnswer = true;
          return;
        }
        this.#accept();
        this.#isReadDue = false;
        this.#listener.onReceiveMessage?.(message);
      },
      onReceiveStatus: (ended) => {
        if (isPresent()) this.#judge(ended);
      },
    };
  }

  /** The server has begun to answer: the call stays with it. */
  #accept(): void {
    this.#state = 'accepted';
    this.#outbox.letGo();
  }

  #judge(ended: StatusObject): void {
    const refusal = readNotLeader(ended);
    if (refusal === undefined) {
      this.#end(this.#explained(ended));
      return;
    }
    const peer = this.#call.getPeer();
    this.#pursuit.hear(refusal, peer);
    const mayFollow = this.#state === 'running' && this.#outbox.isKept && !this.#isCancelled;
    if (mayFollow) this.#follow(refusal, peer, ended);
    else this.#end(ended);
  }

  #follow(refusal: NotLeader, peer: string, refused: StatusObject): void {
    this.#state = 'waiting';
    this.#refused = refused;
    this.#outbox.detach();
    this.#pursuit.follow(refusal, peer, {
      sendAgain: () => {
        if (this.#options.parent?.cancelled === true) {
          // grpc-js tells calls under way; this one was between two.
          this.cancelWithStatus(status.CANCELLED, 'Cancelled by parent call');
          return;
        }
        this.#call = this.#nextCall(this.#options);
        this.#run();
      },
      giveUp: (why) => this.#end(this.#concluded(why, refused)),
    });
  }

  #end(ended: StatusObject): void {
    this.#state = 'ended';
    this.#outbox.detach();
    if (this.#lacksAnswer) this.#listener.onReceiveMessage?.(null);
    this.#listener.onReceiveStatus?.(ended);
  }

  /** What a call that may not be sent again ends with. */
  #concluded(why: GiveUpReason, refused: StatusObject): StatusObject {
    switch (why) {
      case 'deadline': {
        const details = 'Deadline exceeded while the leader was looked for';
        const code = status.DEADLINE_EXCEEDED;
        return this.#explained({ code, details, metadata: new Metadata() });
      }
      case 'no-news':
      case 'attempts':
        return { ...refused, details: `${refused.details} (sent ${this.#times()})` };
      case 'cannot-follow':
        return refused;
    }
  }

  /** That the time is up has a story when there were refusals. */
  #explained(ended: StatusObject): StatusObject {
    const refused = this.#refused;
    if (refused === undefined || ended.code !== status.DEADLINE_EXCEEDED) return ended;
    const story = `sent ${this.#times()}, refused last with: ${refused.details}`;
    return { ...ended, details: `${ended.details} (${story})` };
  }

  #times(): string {
    const { attempts } = this.#pursuit;
    return attempts === 1 ? 'once' : `${String(attempts)} times`;
  }

  #isUnderWay(): boolean {
    return this.#state === 'running' || this.#state === 'accepted';
  }
}
