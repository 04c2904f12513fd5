import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A result that is pushed is matched by its head","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-match-pushed-results.md","filePath":"docs/decisions/2026-11-28-match-pushed-results.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-match-pushed-results.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-result-that-is-pushed-is-matched-by-its-head" tabindex="-1">A result that is pushed is matched by its head <a class="header-anchor" href="#a-result-that-is-pushed-is-matched-by-its-head" aria-label="Permalink to &quot;A result that is pushed is matched by its head&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> What a Master pushes has no lease, and a generator gives several results for one message.</p><p><strong>Decision.</strong> <code>GivenWork</code> keeps the heads of what the relay gave to each client, with bounds of their own for those without a result and those with one.</p><p><strong>Consequence.</strong> A function that takes an hour keeps its place. A result of nothing that is remembered is dropped and counted, and the client stays: it may be late, after a session that was lost.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-match-pushed-results.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128MatchPushedResults = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128MatchPushedResults as default
};
