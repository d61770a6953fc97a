interface Node { type: string; literal: string | null; destination: string | null; level: number; listType: string; listStart: number | null }
interface Document { walker(): { next(): { entering: boolean; node: Node } | null } }
export class Parser { parse(text: string): Document }
