// Types that the other files share.

@export()
@description('Texts by name, such as tags or app settings.')
type texts = {
  *: string
}
