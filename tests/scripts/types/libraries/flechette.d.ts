interface Column { toArray(): Float64Array }
interface Table {
  numRows: number;
  numCols: number;
  schema: { fields: { name: string; metadata: Map<string, string> | null }[]; metadata: Map<string, string> | null };
  getChildAt(index: number): Column;
}
export function tableFromIPC(bytes: Uint8Array, options?: object): Table;
