import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// In development the host runs beside Vite: `bin/serve` on 8080 and `npm run dev` here.
const host = "http://127.0.0.1:8080";

export default defineConfig({
  // The host may be behind a path of a proxy. The files of the operator's pages lie as deep as their addresses.
  base: "./",
  plugins: [react()],
  build: {
    target: "es2022",
    rolldownOptions: { input: ["index.html", "console.html", "console/sessions/session.html"] },
    // The page's policy allows nothing inline, so no asset may become a data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The face is one chunk that is loaded after the page can already be used.
    chunkSizeWarningLimit: 800,
  },
  server: {
    proxy: {
      "/v1": { target: host, ws: true },
      "/graphs": host,
      "/avatar": host,
      "/console/state": host,
      "^/console/sessions/.+/(timeline|.+\\.wav)$": host,
    },
  },
  test: { include: ["tests/**/*.test.{ts,tsx}"], environment: "happy-dom", restoreMocks: true },
});
