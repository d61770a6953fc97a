// uPlot's own declarations are beside its other form; of its options the page writes what docs/dashboard.md says.
declare const uPlot: any;
export default uPlot;
