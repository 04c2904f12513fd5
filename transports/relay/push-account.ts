/** What one client has sent to one address of a server and the server has not taken, over all of its channels. */
export class PushAccount {
  /** Bytes that came. */
  outstanding = 0;
  /** Frames that came and were not looked into. */
  waiting = 0;
}
