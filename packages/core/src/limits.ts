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
  /** Members that one member keeps states of; the largest fleet that is planned for. */
  membersMax: 20_000,
  /**
   * Things that a member says in one life: a thousand a second make this many in nine thousand years. A
   * claim that it said more was forged, and is outdone by a new life rather than by a higher number.
   */
  stateVersionMax: 2 ** 48,
  /** Metadata of a member, keys and values together: it is kept by every other member. */
  memberMetadataBytesMax: 2048,
  /** Elections whose applied change a member tells of: the ones that changed last. */
  appliedElectionsMax: 64,
  /**
   * Members that one member can call unreachable. A death is told by a handful of observers, so the
   * survivors of 95 % of a fleet still have room for all the others.
   */
  unreachableMax: 64,
  /** Buckets that two members compare by: 1 024 × 8 bytes of hashes, 20 members in each at the most. */
  memberBucketsMax: 1024,
  /** Buckets in one digest: some 256 states may come back. */
  memberDigestBucketsMax: 16,
  /** (node id, generation, version) in one digest: 256 × 150 bytes at the most. */
  memberDigestEntriesMax: 256,
  /** States in one frame, and node ids asked for. */
  memberStatesPerFrameMax: 256,
  memberWantsPerFrameMax: 256,
  /** Members in one frame that are called unreachable: 320 × 24 bytes. A quorum of observers is named for each. */
  accusedPerFrameMax: 320,
  observersNamedMax: 3,
  /** Members named in one question for others: 2 048 × 4 bytes. */
  lostNamedMax: 2048,
  /** States in one frame, reckoned in bytes: a fifteenth of a millisecond at 1 Gbit/s. A larger state goes alone. */
  memberPageBytesMax: 8192,
  /** Removed members that are remembered so that no late message revives them. */
  quarantineMax: 20_000,
  /** Members named in an answer about convergence: enough to see who is slow. */
  behindMax: 32,
  /** Contacts a member remembers in its address book. */
  contactsMax: 1024,
  /** Inbound links: with a fan-out of 4 the average is 4; 16 leaves room for uneven dialling. */
  inboundLinksMax: 16,
  /** Links between electors, which come on top of the others: dialled ones, and inbound room. */
  electorLinksMax: 16,
  /** Streams opened to us that did not greet yet: room for a fleet that starts at once. */
  greetingLinksMax: 256,
  /**
   * TCP connections that one address may hold at a member, at whatever stage: each costs a descriptor and, with
   * TLS, some tens of kilobytes. It is what 500 members behind one router need when they start at once and know
   * this one, and as many of their clients; lower, and a router's fleet is kept out, higher, and eight
   * addresses take all there is room for sooner.
   */
  connectionsPerAddressMax: 1024,
  /** TCP connections of all addresses together: beyond them the descriptors that an elector talks to etcd with would go. */
  connectionsMax: 8192,
  /** A record that claims to be older than this is nonsense: 30 days. */
  ageMsMax: 30 * 24 * 3_600_000,
  /** Hops a record can claim; a tree over 20 000 members is far shallower. */
  hopsMax: 255,
  /** No lease lives longer than a day without a renewal. */
  validityMsMax: 86_400_000,
  /** Free text in a refusal. */
  detailBytesMax: 512,
} as const;
