/** A throw-away authority for trials and tests: what other packages may use of it. */
export { CertificateAuthority } from './certificate-authority.ts';
export type { CertificateRequest, IssuedCertificate, Lifetime } from './certificate-authority.ts';
export { CertificateFiles, tlsFlags } from './certificate-files.ts';
export type { Issued, TlsFiles } from './certificate-files.ts';
export { furnish } from './cluster-folder.ts';
export type { FolderOptions, FolderOutcome } from './cluster-folder.ts';
export { authorityFolder, holdingsOf, keyNames } from './holdings.ts';
export type {
  AuthorityName,
  CertificateNames,
  ClusterPlan,
  HeldCertificate,
  Holding,
} from './holdings.ts';
