import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The page of one timeline that stands alone: one script and one style, which Python puts into a file
// together with the document (vitagraph/observe/timeline_page.py).
export default defineConfig({
  plugins: [react()],
  publicDir: false,
  build: {
    target: "es2022",
    assetsDir: "",
    cssCodeSplit: false,
    rolldownOptions: {
      input: "src/console/timeline/offline.tsx",
      output: {
        format: "iife",
        entryFileNames: "timeline.js",
        assetFileNames: "timeline.[ext]",
      },
    },
  },
});
