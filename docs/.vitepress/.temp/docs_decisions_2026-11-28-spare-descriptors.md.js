import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"A socket is opened with descriptors to spare","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-spare-descriptors.md","filePath":"docs/decisions/2026-11-28-spare-descriptors.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-spare-descriptors.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="a-socket-is-opened-with-descriptors-to-spare" tabindex="-1">A socket is opened with descriptors to spare <a class="header-anchor" href="#a-socket-is-opened-with-descriptors-to-spare" aria-label="Permalink to &quot;A socket is opened with descriptors to spare&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Without descriptors libzmq aborts the process, in <code>epoll_create</code> and in <code>getifaddrs</code>, and a monitor that cannot be made rejects where nobody looks. It retries without a pause and reports each time: 300,000 events a second, which kept the event loop from turning.</p><p><strong>Decision.</strong> 16 descriptors are opened and closed before each socket. Events are read 64 at a time, with 2 ms between them.</p><p><strong>Consequence.</strong> libzmq waits for its reader, and uses an eighth of a processor.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-spare-descriptors.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128SpareDescriptors = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128SpareDescriptors as default
};
