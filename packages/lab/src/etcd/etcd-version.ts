/** Decides which etcd is new enough: 3.4 is the oldest whose HTTP gateway and flags the lab uses. */

const OLDEST_SUPPORTED = { major: 3, minor: 4 };

/** The version in what `etcd --version` prints, or undefined if that is not etcd's. */
export function parseEtcdVersion(output: string): string | undefined {
  return /^etcd Version: (\d+\.\d+\.\d+\S*)/m.exec(output)?.[1];
}

/** True from 3.4 on. Takes "3.4.23", "v3.6.6" or a Debian version such as "3.4.23-4+b4". */
export function isSupportedEtcd(version: string): boolean {
  const numbers = /^v?(\d+)\.(\d+)/.exec(version);
  if (numbers === null) return false;
  const major = Number(numbers[1]);
  const minor = Number(numbers[2]);
  if (major !== OLDEST_SUPPORTED.major) return major > OLDEST_SUPPORTED.major;
  return minor >= OLDEST_SUPPORTED.minor;
}
