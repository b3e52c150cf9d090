/**
 * A set of whole numbers between -2^53 and 2^53, after Roaring bitmaps (https://roaringbitmap.org). An id takes one bit if the ids are
 * dense, or two bytes if they are not. Each range of 65,536 ids takes a little more. In a Set an id takes about forty bytes.
 */
export class IdSet {
  readonly #pages = new Map<number, Page>();

  has(id: number): boolean {
    return this.#pages.get(pageOf(id))?.has(id & 0xffff) ?? false;
  }

  add(id: number): void {
    let page = this.#pages.get(pageOf(id));
    if (!page) {
      page = new Page();
      this.#pages.set(pageOf(id), page);
    }
    page.add(id & 0xffff);
  }
}

/** A shift takes a quarter of the time of a division, but works only for numbers from 0 to 2^31. */
const pageOf = (id: number) => (id >= 0 && id < 2 ** 31 ? id >>> 16 : Math.floor(id / 65_536));

/** How many ids a page keeps as a sorted array. For more ids, the bitmap (8 KiB) is smaller. */
const SORTED_ENTRIES_MAX = 4096;

class Page {
  #sorted: Uint16Array | undefined = new Uint16Array(8);
  #count = 0;
  #bits: Uint8Array | undefined;

  has(low: number): boolean {
    if (this.#bits) return ((this.#bits[low >>> 3] ?? 0) & (1 << (low & 7))) !== 0;
    const position = this.#position(low);
    return position < this.#count && this.#sorted?.[position] === low;
  }

  add(low: number): void {
    if (this.#bits) {
      this.#bits[low >>> 3] = (this.#bits[low >>> 3] ?? 0) | (1 << (low & 7));
      return;
    }
    const position = this.#position(low);
    if (!this.#sorted || (position < this.#count && this.#sorted[position] === low)) return;
    if (this.#count === SORTED_ENTRIES_MAX) {
      this.#toBits();
      this.add(low);
      return;
    }
    if (this.#count === this.#sorted.length) {
      const larger = new Uint16Array(this.#count * 2);
      larger.set(this.#sorted);
      this.#sorted = larger;
    }
    this.#sorted.copyWithin(position + 1, position, this.#count);
    this.#sorted[position] = low;
    this.#count++;
  }

  /** Where `low` is, or would be. Fast for ids that come in order. */
  #position(low: number): number {
    const sorted = this.#sorted as Uint16Array;
    if (this.#count === 0 || (sorted[this.#count - 1] ?? 0) < low) return this.#count;
    let from = 0;
    let to = this.#count;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((sorted[middle] ?? 0) < low) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #toBits(): void {
    const sorted = this.#sorted?.subarray(0, this.#count) ?? [];
    this.#bits = new Uint8Array(8192);
    this.#sorted = undefined;
    for (const low of sorted) this.add(low);
  }
}
