// Limits of the conversation with the service manager.

/** Descriptors that may be handed over: both families of each kind on a handful of addresses, and room. */
export const inheritedDescriptorsMax = 64;
/** systemd reads its queue within milliseconds; one that is full for so long has other troubles, and we go on. */
export const notifyTimeoutMs = 1_000;
/** `STATUS=` is one line for people in `systemctl status`. */
export const statusLengthMax = 200;
/** struct sockaddr_un, sun_path: 108 bytes, one of them a NUL before (abstract) or after the name (unix(7)). */
export const socketPathBytesMax = 107;
