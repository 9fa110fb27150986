/** esbuild takes the style sheets that an entry imports into a file beside its script. */
declare module '*.css';
