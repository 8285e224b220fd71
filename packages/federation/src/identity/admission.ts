// Who may come in under which id.

export interface Admission {
  readonly mode: 'open' | 'invite' | 'closed';
}
