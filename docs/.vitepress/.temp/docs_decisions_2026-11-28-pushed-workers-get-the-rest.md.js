import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Workers that are pushed to get what others would ask for","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-pushed-workers-get-the-rest.md","filePath":"docs/decisions/2026-11-28-pushed-workers-get-the-rest.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-pushed-workers-get-the-rest.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="workers-that-are-pushed-to-get-what-others-would-ask-for" tabindex="-1">Workers that are pushed to get what others would ask for <a class="header-anchor" href="#workers-that-are-pushed-to-get-what-others-would-ask-for" aria-label="Permalink to &quot;Workers that are pushed to get what others would ask for&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> What they hold can only be guessed from what comes back, and is lost when they die. With 64 messages from the start, a pylm worker had 58 of 60 calls of 30 ms.</p><p><strong>Decision.</strong> <code>PushWorkers</code> gives them one message each, and in advance what they do in 5 ms, 64 at most.</p><p><strong>Consequence.</strong> frond and pylm workers can serve one Master.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-pushed-workers-get-the-rest.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128PushedWorkersGetTheRest = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128PushedWorkersGetTheRest as default
};
