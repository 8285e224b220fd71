/** `pure` < `reads` < `writes`; `calls` sends to other servers. Language.md §15. */
export type Effect = 'pure' | 'reads' | 'writes' | 'calls';

/** What a server publishes: for registration, OpenRPC and tools. Types are texts in the language's notation, `any` if not declared. */
export interface ServiceInterface {
  readonly name: string;
  readonly doc: string | undefined;
  readonly methods: readonly {
    readonly name: string;
    readonly params: readonly { readonly name: string; readonly type: string; readonly optional: boolean }[];
    readonly returns: string;
    readonly effect: Effect;
    /** Of a function that calls: how strongly it acts beside that. */
    readonly level: 'pure' | 'reads' | 'writes';
    readonly doc: string | undefined;
  }[];
}
