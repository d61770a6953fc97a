export interface Ref<T> { current: T }
type End = void | (() => void);
export function useCallback<F extends Function>(run: F, inputs: readonly unknown[]): F;
export function useEffect(run: () => End, inputs?: readonly unknown[]): void;
export function useLayoutEffect(run: () => End, inputs?: readonly unknown[]): void;
export function useMemo<T>(make: () => T, inputs: readonly unknown[]): T;
export function useReducer<S, A>(reduce: (state: S, action: A) => S, first: S): [S, (action: A) => void];
export function useRef<T>(first: T): Ref<T>;
export function useState<S>(first: S | (() => S)): [S, (next: S | ((before: S) => S)) => void];
