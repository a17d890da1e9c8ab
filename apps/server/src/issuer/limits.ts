// Every bound and deadline of the issuer, each with the reason for its number.

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export const issuerLimits = Object.freeze({
  /** Each order runs in a thread of some 60 MB: two keep a small server usable, and CAs see no burst. */
  ordersAtOnce: 2,
  /** Let's Encrypt's; the others allow as many or more. */
  namesPerOrderMax: 100,
  /** One order from account to certificate, a slow DNS included. */
  orderTimeoutMs: 15 * minute,
  /** An order that was begun longer ago is not resumed: its authorisations may have gone. */
  orderResumeMaxAgeMs: 24 * hour,
  /** One request to a CA. */
  requestTimeoutMs: 30 * second,
  /** What a CA may answer: a directory, an order of 100 names, a chain. */
  responseBytesMax: 1024 * 1024,
  /** A CA validates a challenge within seconds, at worst after several tries of its own. */
  validationTimeoutMs: 5 * minute,
  /** From finalised to issued. */
  issuanceTimeoutMs: 5 * minute,
  pollFirstMs: 300,
  pollMaxMs: 5 * second,
  /** A lease of a name ends so long after its holder died. */
  nameLeaseMs: 60 * second,
  nameLeaseRenewMs: 20 * second,
  /** A name that another process holds is looked at again so soon. */
  heldRetryMs: 15 * second,
  /** An order given up at a stop has so long to take its challenges away. */
  closeTimeoutMs: 3 * second,
  /** A challenge that nobody took away for so long was left by a crash. */
  challengeMaxAgeMs: 24 * hour,
  /** Workers are waited for so long with a new challenge; one that hangs is replaced within it. */
  publishTimeoutMs: 30 * second,
  /** Does a name reach us? One request, redirects included. */
  reachabilityTimeoutMs: 10 * second,
  reachabilityAtOnce: 8,
  reachabilityRedirectsMax: 5,
  reachabilityBytesMax: 16 * 1024,
  /** What a `Retry-After` may ask for; longer is believed to be a mistake. */
  retryAfterMaxMs: 7 * day,
  /** RFC 9773 §4.3: a poll of the window at least so far apart, and at most. */
  ariPollMinMs: minute,
  ariPollMaxMs: day,
  ariPollDefaultMs: 6 * hour,
  /** A timer never sleeps longer: clocks jump. */
  wakeMaxMs: hour,
  /** Clocks of servers differ by less. */
  clockSkewMs: 10 * minute,
  /** Certificates are handed to the workers at most so often: many are issued at once after a first start. */
  publishEveryMs: 500,
  /** A lasting message of a CA in `certificates ls`. */
  errorCharsMax: 500,
  /** One call of a DNS provider's API or hook. */
  dnsRequestTimeoutMs: 30 * second,
  dnsHookTimeoutMs: 2 * minute,
  dnsResponseBytesMax: 4 * 1024 * 1024,
  dnsHookOutputBytesMax: 64 * 1024,
  /** How long a TXT record may take to all of a zone's servers. */
  propagationTimeoutMs: 3 * minute,
  propagationPollMs: 2 * second,
  propagationQueryTimeoutMs: 5 * second,
  /** CNAMEs of `_acme-challenge` that are followed. */
  aliasHopsMax: 8,
  credentialsBytesMax: 64 * 1024,
} as const);
