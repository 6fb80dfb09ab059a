/**
 * Decides how long frames take: a delay that belongs to the stream, and what each frame adds to it.
 * Within a stream nothing overtakes (`network.ts`); across streams everything may.
 */
import type { Random } from '@herald/core';

export interface Latency {
  /** One way, of a new stream. */
  streamMs(random: Random): number;
  /** Of one frame on a stream whose own delay is `streamMs`; never less. */
  frameMs(streamMs: number, random: Random): number;
}

/** Every stream takes between these, every frame the same. */
export function uniformLatency(minMs: number, maxMs: number): Latency {
  return {
    streamMs: (random) => minMs + (maxMs - minMs) * random(),
    frameMs: (streamMs) => streamMs,
  };
}

/** One data centre: 0.1 to 1 ms one way, each frame up to a fifth more. */
export const lan: Latency = {
  streamMs: (random) => 0.1 + 0.9 * random(),
  frameMs: (streamMs, random) => streamMs * (1 + 0.2 * random()),
};

/** Half of the streams take less than this one way. */
const wanMedianMs = 20;
/** Of the logarithm: 5 % of the streams take more than three times the median. */
const wanSpread = 0.7;
const wanStreamMsMin = 1;
const wanStreamMsMax = 300;
/** Frames queue at routers: this share of the stream's delay, on the average. */
const wanJitterShare = 0.05;
/** One frame in so many is lost by the network below, and TCP sends it again. */
const wanFramesPerRetransmission = 1000;
/** The shortest time after which TCP does, and the longest drawn here (Pareto, exponent 1.5). */
const retransmissionMsMin = 200;
const retransmissionMsMax = 2000;

/** Many places: log-normal over streams, exponential jitter, and now and then a retransmission. */
export const wan: Latency = {
  streamMs: (random) => {
    const ms = wanMedianMs * Math.exp(wanSpread * gaussian(random));
    return Math.min(wanStreamMsMax, Math.max(wanStreamMsMin, ms));
  },
  frameMs: (streamMs, random) => {
    const queuedMs = -Math.log(1 - random()) * streamMs * wanJitterShare;
    if (random() * wanFramesPerRetransmission >= 1) return streamMs + queuedMs;
    const resentMs = retransmissionMsMin * (1 - random()) ** (-1 / 1.5);
    return streamMs + queuedMs + Math.min(retransmissionMsMax, resentMs);
  },
};

/** Box and Muller. */
function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
