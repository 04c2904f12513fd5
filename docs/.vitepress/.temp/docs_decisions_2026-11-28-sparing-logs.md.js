import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"What strangers can repeat is logged sparingly","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-sparing-logs.md","filePath":"docs/decisions/2026-11-28-sparing-logs.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-sparing-logs.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="what-strangers-can-repeat-is-logged-sparingly" tabindex="-1">What strangers can repeat is logged sparingly <a class="header-anchor" href="#what-strangers-can-repeat-is-logged-sparingly" aria-label="Permalink to &quot;What strangers can repeat is logged sparingly&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Counting by address or name would show more, but the counts would then be the memory to fill.</p><p><strong>Decision.</strong> <code>sparing(logger)</code> logs an event at its 1st, 2nd, 4th, 8th… time, once a minute while it goes on, and anew after a quiet minute.</p><p><strong>Consequence.</strong> n events in m minutes come to at most log₂ n + m + 1 lines. 16,384 refused handshakes come to 8.5 kB. Functions log with a logger that is not spared.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-sparing-logs.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128SparingLogs = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128SparingLogs as default
};
