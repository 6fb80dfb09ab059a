/**
 * Every bound of the protocol, named once. What arrives above a bound is refused at the edge
 * (`@herald/wire`); what is kept inside is kept under it.
 */
export const limits = {
  /** Names and ids: one line in a log, one label in a metric. */
  nameBytesMax: 128,
  /** A DNS name is at most 253 characters; brackets and a port come on top. */
  addressBytesMax: 262,
  /** Encoded record: fits a few TCP segments, so that a hop stays one write. */
  recordBytesMax: 4096,
  metadataEntriesMax: 32,
  metadataKeyBytesMax: 128,
  metadataValueBytesMax: 1024,
  /** One frame of a link: bounds what a hostile or broken peer makes us hold. */
  frameBytesMax: 65_536,
  /** Elections a member carries records for. */
  electionsMax: 1024,
  /** Versions in one digest page: 256 × (name 128 + version 32 bytes) stays under a frame. */
  digestEntriesMax: 256,
  /** Elections asked for in one want frame. */
  wantElectionsMax: 256,
  /** Contacts in a welcome, refusal or round: enough to try elsewhere, small on the wire. */
  contactsPerFrameMax: 16,
  /** Contacts a member remembers in its address book. */
  contactsMax: 1024,
  /** Inbound links: with a fan-out of 4 the average is 4; 16 leaves room for uneven dialling. */
  inboundLinksMax: 16,
  /** Links between electors, which come on top of the others: dialled ones, and inbound room. */
  electorLinksMax: 16,
  /** Streams opened to us that did not greet yet: room for a fleet that starts at once. */
  greetingLinksMax: 256,
  /** A record that claims to be older than this is nonsense: 30 days. */
  ageMsMax: 30 * 24 * 3_600_000,
  /** Hops a record can claim; a tree over 20 000 members is far shallower. */
  hopsMax: 255,
  /** No lease lives longer than a day without a renewal. */
  validityMsMax: 86_400_000,
  /** Free text in a refusal. */
  detailBytesMax: 512,
} as const;
