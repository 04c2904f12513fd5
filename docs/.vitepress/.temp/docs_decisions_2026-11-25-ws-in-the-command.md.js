import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"The command has ws in its bundle, the libraries have not","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-ws-in-the-command.md","filePath":"docs/decisions/2026-11-25-ws-in-the-command.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-ws-in-the-command.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="the-command-has-ws-in-its-bundle-the-libraries-have-not" tabindex="-1">The command has ws in its bundle, the libraries have not <a class="header-anchor" href="#the-command-has-ws-in-its-bundle-the-libraries-have-not" aria-label="Permalink to &quot;The command has ws in its bundle, the libraries have not&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> <code>npx frond demo</code> installs frond alone, and a page needs a relay.</p><p><strong>Decision.</strong> What makes WebSockets takes the package from a function that it is given. In <code>frond/relay</code> and <code>frond/websocket</code> it imports the user&#39;s and names the command that installs it; in <code>cli/ws.ts</code> the build resolves it.</p><p><strong>Consequence.</strong> The demo runs without another package.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-ws-in-the-command.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125WsInTheCommand = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125WsInTheCommand as default
};
