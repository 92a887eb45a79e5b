// pdf.js, loaded when the first preview is opened. Decoders and character maps come from our own origin (see vite.config.ts).
import { GlobalWorkerOptions, getDocument, version, type PDFDocumentProxy } from 'pdfjs-dist/build/pdf.min.mjs'

const base = `/assets/pdfjs-${version}/`
let worker: Worker | undefined

/** Opens a PDF by its address, page by page as they are needed. */
export async function openPdf(url: string): Promise<PDFDocumentProxy> {
  worker ??= new Worker(new URL('pdfjs-dist/build/pdf.worker.min.mjs', import.meta.url), { type: 'module', name: 'pdf' })
  GlobalWorkerOptions.workerPort = worker
  return getDocument({
    url,
    wasmUrl: `${base}wasm/`,
    cMapUrl: `${base}cmaps/`,
    cMapPacked: true,
    disableAutoFetch: true,
    disableStream: true,
    rangeChunkSize: 262_144,
    isEvalSupported: false,
  }).promise
}

export type { PDFDocumentProxy }
