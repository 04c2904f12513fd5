import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Workers ask for work","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-work-is-asked-for.md","filePath":"docs/decisions/2026-11-25-work-is-asked-for.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-work-is-asked-for.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="workers-ask-for-work" tabindex="-1">Workers ask for work <a class="header-anchor" href="#workers-ask-for-work" aria-label="Permalink to &quot;Workers ask for work&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> With PUSH a slow function holds up what was pushed behind it, because the system&#39;s buffers take thousands of small messages more. A puller cannot give back what it was given.</p><p><strong>Decision.</strong> frond workers ask, by the request and reply that the cache has anyway: no further address, and no verb that a transport would have to learn. One request carries the results of the last messages and the wish for the next.</p><p><strong>Consequence.</strong> It costs fewer messages than PUSH and PULL. See <a href="./../protocol/palm#handing-out-work">handing out work</a>.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-work-is-asked-for.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125WorkIsAskedFor = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125WorkIsAskedFor as default
};
