import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A publisher looks before it answers a stock client","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-publisher-looks-before-it-answers.md","filePath":"docs/decisions/2026-11-28-publisher-looks-before-it-answers.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-publisher-looks-before-it-answers.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-publisher-looks-before-it-answers-a-stock-client" tabindex="-1">A publisher looks before it answers a stock client <a class="header-anchor" href="#a-publisher-looks-before-it-answers-a-stock-client" aria-label="Permalink to &quot;A publisher looks before it answers a stock client&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> An answer may go to a subscriber whose end was already read.</p><p><strong>Decision.</strong> Answers to stock clients leave at the end of a turn of events. An answer without a subscriber is held for up to a second.</p><p><strong>Consequence.</strong> Deliveries that exceed the budget of a subscription are counted and reported as <code>lost</code>, once a turn.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-publisher-looks-before-it-answers.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128PublisherLooksBeforeItAnswers = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128PublisherLooksBeforeItAnswers as default
};
