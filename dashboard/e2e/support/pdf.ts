// Real PDFs to drop, made on the spot.

const escape = (text: string): string => text.replace(/[\\()]/g, '\\$&')

/** A document of so many pages, each with a line of text that names it. */
export function pdf(pages = 1, title = 'sample'): Buffer {
  const objects: string[] = ['<< /Type /Catalog /Pages 2 0 R >>', '', '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>']
  const kids: string[] = []
  for (let page = 1; page <= pages; page += 1) {
    const rules = Array.from({ length: 24 }, (_, line) => `72 ${640 - line * 22} m ${330 + ((line * 97 + page * 31) % 190)} ${640 - line * 22} l S`).join('\n')
    const content = `BT /F1 24 Tf 72 700 Td (${escape(`${title}, page ${page} of ${pages}`)}) Tj ET\n0.75 G 6 w\n${rules}`
    objects.push(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`)
    objects.push(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${objects.length} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`)
    kids.push(`${objects.length} 0 R`)
  }
  objects[1] = `<< /Type /Pages /Count ${pages} /Kids [${kids.join(' ')}] >>`
  let text = '%PDF-1.7\n'
  const places = objects.map((object, index) => {
    const place = text.length
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
    return place
  })
  const table = places.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('')
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`
  return Buffer.from(text, 'latin1')
}
