import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"What is judged is what is sent","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-judged-is-what-is-sent.md","filePath":"docs/decisions/2026-11-28-judged-is-what-is-sent.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-judged-is-what-is-sent.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="what-is-judged-is-what-is-sent" tabindex="-1">What is judged is what is sent <a class="header-anchor" href="#what-is-judged-is-what-is-sent" aria-label="Permalink to &quot;What is judged is what is sent&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Readers of protobuf do not agree on all that it allows. With <code>server.upper</code> alone granted, a second <code>function</code> under a tag that was longer than it must be had a stock pylm server run another function, answer another client, and stop.</p><p><strong>Decision.</strong> The relay reads calls and requests strictly (<code>readPlain</code>) and sends its own encoding. A frame that is in order, in shortest form, with known fields alone and none at its default can be written in one way only, so it is passed on as it came. What no encoder writes is refused: the peer that sends it attacks.</p><p><strong>Consequence.</strong> <code>test/unit/protocol/envelope-plain.test.ts</code> and <code>test/interop/envelope-readers.test.ts</code> have frames read by two libraries and by Python&#39;s protobuf in both implementations: all of them read the fields that were judged.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-judged-is-what-is-sent.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128JudgedIsWhatIsSent = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128JudgedIsWhatIsSent as default
};
