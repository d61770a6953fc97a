export class Virtualizer { constructor(options: object); setOptions(options: object): void; _didMount(): () => void; _willUpdate(): void; [name: string]: any }
export const elementScroll: unknown, observeElementOffset: unknown, observeElementRect: unknown;
