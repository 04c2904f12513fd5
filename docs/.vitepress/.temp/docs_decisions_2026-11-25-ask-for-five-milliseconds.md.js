import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A worker asks for 5 ms of work","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-ask-for-five-milliseconds.md","filePath":"docs/decisions/2026-11-25-ask-for-five-milliseconds.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-ask-for-five-milliseconds.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-worker-asks-for-5-ms-of-work" tabindex="-1">A worker asks for 5 ms of work <a class="header-anchor" href="#a-worker-asks-for-5-ms-of-work" aria-label="Permalink to &quot;A worker asks for 5 ms of work&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> Too little idles, too much waits behind a slow function.</p><p><strong>Decision.</strong> <code>Prefetch</code> asks for what the worker does in 5 ms, by the time its last functions took.</p><p><strong>Consequence.</strong> Hundreds of quick messages are ahead, and no more than it can begin of slow ones. What is caught behind a slow one is given back after 20 ms.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-ask-for-five-milliseconds.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125AskForFiveMilliseconds = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125AskForFiveMilliseconds as default
};
