import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"map numbers its messages in a field of its own","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-map-numbers-its-messages.md","filePath":"docs/decisions/2026-11-25-map-numbers-its-messages.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-25-map-numbers-its-messages.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="map-numbers-its-messages-in-a-field-of-its-own" tabindex="-1"><code>map</code> numbers its messages in a field of its own <a class="header-anchor" href="#map-numbers-its-messages-in-a-field-of-its-own" aria-label="Permalink to &quot;\`map\` numbers its messages in a field of its own&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> The number stood at the end of the topic before, which every server echoes. But then each message has a string of its own, which client, Master and worker each cut, join and compare: a map cost a fifth to a quarter more CPU than a job.</p><p><strong>Decision.</strong> The number is the field <code>ordinal</code>, which stock pylm sends back as it does all fields it does not know.</p><p><strong>Consequence.</strong> A map costs a tenth more than a job. A gather by <code>client</code> sees what it sees of a job. An answer that cannot be read belongs to no input, and ends the map.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-map-numbers-its-messages.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125MapNumbersItsMessages = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125MapNumbersItsMessages as default
};
